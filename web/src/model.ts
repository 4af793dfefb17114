// The exported model: frames in, an answer for each frame out, with the state kept between calls.
import type * as Ort from "onnxruntime-web";

/** What the file beside the model says, see `action-recognition model info`. */
export interface About {
  classes: string[];
  interval_s: number;
  window: number;
}

/** The answer for one frame. */
export interface Answer {
  probabilities: Float32Array;
  knownProbability: number;
}

export class Model {
  private state: Record<string, Ort.Tensor> = {};

  private constructor(
    private readonly ort: typeof Ort,
    private readonly session: Ort.InferenceSession,
    readonly about: About,
    readonly runsOn: string,
  ) {
    this.forget();
  }

  /** Loads the model from a folder; on the graphics processor where the browser gives one. */
  static async load(folder: string): Promise<Model> {
    const about = (await (await fetched(`${folder}/model.json`)).json()) as About;
    const bytes = new Uint8Array(await (await fetched(`${folder}/model.onnx`)).arrayBuffer());
    if (await hasGpu()) {
      try {
        const ort = await import("onnxruntime-web/webgpu");
        const session = await ort.InferenceSession.create(bytes, { executionProviders: ["webgpu"] });
        return new Model(ort, session, about, "WebGPU");
      } catch (error) {
        console.warn("WebGPU cannot run the model", error);
      }
    }
    const ort = await import("onnxruntime-web/wasm");
    if (!self.crossOriginIsolated) ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Model(ort, session, about, "WebAssembly");
  }

  /** Forgets all frames: the next one is the first. */
  forget(): void {
    this.state = {};
    for (const input of this.session.inputMetadata) {
      if (!input.isTensor || input.name === "frames") continue;
      const shape = input.shape.map((size) => (typeof size === "number" ? size : 1));
      const count = shape.reduce((a, b) => a * b, 1);
      const zeros = input.type === "int64" ? new BigInt64Array(count) : new Float32Array(count);
      this.state[input.name] = new this.ort.Tensor(input.type as "float32", zeros as Float32Array, shape);
    }
  }

  /** Runs frames that follow those before: RGB bytes of the shape (1, frames, height, width, 3). */
  async run(frames: Uint8Array, shape: readonly number[]): Promise<Answer[]> {
    const given = { frames: new this.ort.Tensor("uint8", frames, shape), ...this.state };
    const found = await this.session.run(given);
    const next: Record<string, Ort.Tensor> = {};
    for (const name of Object.keys(this.state)) next[name] = found[`next_${name}`]!;
    this.state = next;
    const probabilities = (await found["probabilities"]!.getData()) as Float32Array;
    const known = (await found["known_probability"]!.getData()) as Float32Array;
    const classes = this.about.classes.length;
    return Array.from(known, (knownProbability, k) => ({
      probabilities: probabilities.slice(k * classes, (k + 1) * classes),
      knownProbability,
    }));
  }
}

async function fetched(address: string): Promise<Response> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be loaded (${response.status})`);
  return response;
}

async function hasGpu(): Promise<boolean> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
  try {
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}
