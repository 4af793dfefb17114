// Answers that follow each other and say the same are one moment.
import type { Answer } from "./model";

export interface Moment {
  action: string | null; // null: none of the known actions
  startS: number;
  endS: number;
  probability: number; // the highest
}

/** The likeliest action, its probability, and whether it is taken for one of the known ones. */
export function nearest(answer: Answer, classes: string[]): { name: string; probability: number; known: boolean } {
  let best = 0;
  answer.probabilities.forEach((p, k) => {
    if (p > answer.probabilities[best]!) best = k;
  });
  return {
    name: classes[best]!,
    probability: answer.probabilities[best]!,
    known: answer.knownProbability >= 0.5,
  };
}

export class Moments {
  readonly found: Moment[] = [];

  /** Adds the answer for a time; gives the moment that it begins or continues. */
  add(answer: Answer, classes: string[], timeS: number, intervalS: number): Moment {
    const { name, probability, known } = nearest(answer, classes);
    const action = known ? name : null;
    let last = this.found.at(-1);
    if (!last || last.action !== action) {
      last = { action, startS: timeS, endS: timeS, probability: 0 };
      this.found.push(last);
    }
    last.endS = timeS + intervalS;
    last.probability = Math.max(last.probability, probability);
    return last;
  }
}
