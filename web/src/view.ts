// What the page shows.
import type { Answer } from "./model";
import { type Moment, nearest } from "./moments";

const SHOWN = 5; // actions with their bars
const LONGEST = 200; // moments in the list of a camera that runs for hours

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

export const page = {
  video: element<HTMLVideoElement>("video"),
  camera: element<HTMLButtonElement>("camera"),
  file: element<HTMLInputElement>("file"),
  stop: element<HTMLButtonElement>("stop"),
};

export function say(text: string): void {
  element("message").textContent = text;
}

export function showRate(text: string): void {
  element("rate").textContent = text;
}

export function showAnswer(answer: Answer, classes: string[]): void {
  const { name, probability, known } = nearest(answer, classes);
  const text = known ? `${name} ${percent(probability)}` : "None of the known actions";
  const shown = element("answer");
  if (shown.textContent !== text) shown.textContent = text;
  const ranked = classes.map((label, k) => ({ label, p: answer.probabilities[k]! }));
  ranked.sort((a, b) => b.p - a.p);
  const rows = ranked.slice(0, SHOWN).map(({ label, p }) => {
    const row = document.createElement("li");
    row.style.setProperty("--share", `${p * 100}%`);
    row.append(span(label), span(percent(p)));
    return row;
  });
  element("bars").replaceChildren(...rows);
}

export function showMoments(found: Moment[], seek: (timeS: number) => void): void {
  const rows = found.slice(-LONGEST).map((moment) => {
    const button = document.createElement("button");
    const what = moment.action ? `${moment.action}, up to ${percent(moment.probability)}` : "none of the known actions";
    button.textContent = `${clock(moment.startS)} to ${clock(moment.endS)}: ${what}`;
    button.onclick = () => seek(moment.startS);
    const row = document.createElement("li");
    row.append(button);
    return row;
  });
  element("moments").replaceChildren(...rows);
}

export function clear(): void {
  for (const id of ["answer", "bars", "moments", "rate"]) element(id).replaceChildren();
}

function span(text: string): HTMLSpanElement {
  const made = document.createElement("span");
  made.textContent = text;
  return made;
}

function percent(share: number): string {
  return `${(Math.floor(share * 1000 + 1e-9) / 10).toFixed(1)} %`; // rounded down, as by percent in wording.py
}

function clock(timeS: number): string {
  const tenths = Math.round(timeS * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}
