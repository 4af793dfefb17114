// Says which action the frames of a video show, with an exported ONNX clip:
// node predict.mjs clip.onnx clip.json frames.rgb WIDTH HEIGHT
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

const [model, about, file, width, height] = process.argv.slice(2);
const { classes } = JSON.parse(readFileSync(about, "utf8"));
const bytes = new Uint8Array(readFileSync(file));
const frames = Math.floor(bytes.length / (width * height * 3));
const session = await ort.InferenceSession.create(readFileSync(model));
const shape = [1, frames, Number(height), Number(width), 3];
const answer = await session.run({ frames: new ort.Tensor("uint8", bytes, shape) });
const probabilities = answer.probabilities.data;
const best = probabilities.indexOf(Math.max(...probabilities));
const known = answer.known_probability.data[0];
console.log(`${classes[best]} ${probabilities[best].toFixed(4)}, a known action: ${known.toFixed(4)}`);
