// Ties the page together: one source at a time, frames to the model, answers to the page.
import { grab } from "./frames";
import { Model } from "./model";
import { Moments } from "./moments";
import { keepForOffline } from "./offline";
import { everyFrame, everyInterval, openCamera, openFile, seek } from "./source";
import { clear, page, say, showAnswer, showMoments, showRate } from "./view";

declare global {
  interface Window {
    /** For other scripts of a page: the model, once it is loaded. */
    actionRecognition?: Model;
  }
}

let running: AbortController | null = null;
let ended: Promise<void> = Promise.resolve();

/** Runs a source until it ends or another begins. */
function start(model: Model, work: (signal: AbortSignal, take: (timeS: number) => Promise<void>) => Promise<void>): void {
  running?.abort();
  const own = (running = new AbortController());
  ended = ended.then(async () => {
    if (own.signal.aborted) return;
    model.forget();
    clear();
    page.stop.hidden = false;
    const moments = new Moments();
    const began = performance.now();
    let frames = 0;
    const take = async (timeS: number): Promise<void> => {
      const frame = grab(page.video);
      if (!frame || own.signal.aborted) return;
      const answer = (await model.run(frame.bytes, frame.shape)).at(-1)!;
      frames += 1;
      const rate = frames / ((performance.now() - began) / 1000);
      showRate(`${rate.toFixed(1)} frames a second, on ${model.runsOn}`);
      if (frames < Math.min(model.about.window, 5)) return; // too little has been seen
      moments.add(answer, model.about.classes, timeS, model.about.interval_s);
      showAnswer(answer, model.about.classes);
      showMoments(moments.found, (at) => page.video.srcObject || void seek(page.video, at));
    };
    try {
      await work(own.signal, take);
    } catch (error) {
      say(sentence(error));
    }
    if (running === own) page.stop.hidden = true;
  });
}

function sentence(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The camera may not be used: the browser was told so.";
  if (name === "NotFoundError") return "There is no camera.";
  return error instanceof Error ? error.message : String(error);
}

function recogniseFile(model: Model, file: File): void {
  start(model, async (signal, take) => {
    say(`${file.name} ...`);
    const close = await openFile(page.video, file);
    signal.addEventListener("abort", close);
    await everyFrame(page.video, model.about.interval_s, signal, take);
    if (signal.aborted) return;
    page.video.controls = true; // the file stays open to seek in
    say(`${file.name}: done. A click on a moment shows it.`);
  });
}

function recogniseCamera(model: Model): void {
  start(model, async (signal, take) => {
    say("The camera is on.");
    page.video.controls = false;
    const close = await openCamera(page.video);
    try {
      await everyInterval(model.about.interval_s, signal, take);
    } finally {
      close();
      say("The camera is off.");
    }
  });
}

function listen(model: Model): void {
  page.camera.onclick = () => recogniseCamera(model);
  page.stop.onclick = () => running?.abort();
  page.file.onchange = () => {
    const [file] = page.file.files ?? [];
    if (file) recogniseFile(model, file);
    page.file.value = "";
  };
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("dragging"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const [file] = event.dataTransfer?.files ?? [];
    if (file) recogniseFile(model, file);
  });
}

try {
  const model = await Model.load("./model");
  window.actionRecognition = model;
  listen(model);
  page.camera.disabled = !navigator.mediaDevices;
  page.file.disabled = false;
  say("Ready: use the camera, or drop a video here.");
  await keepForOffline();
} catch (error) {
  say(`The model cannot be loaded: ${sentence(error)}`);
}
