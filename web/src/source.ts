// Where frames come from: the camera, as they arrive, or a file, from its beginning to its end.

const SEEK_MS = 15000; // a damaged file can leave a browser waiting without a word

/** Shows the camera in the video element; gives a function that lets go of it. */
export async function openCamera(video: HTMLVideoElement): Promise<() => void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640 }, audio: false });
  video.srcObject = stream;
  await video.play();
  return () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
}

/** Calls `take` every `intervalS` seconds. What is due while it is busy is left out. */
export async function everyInterval(
  intervalS: number,
  signal: AbortSignal,
  take: (timeS: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  for (let next = 0; !signal.aborted; ) {
    const now = (performance.now() - started) / 1000;
    if (now < next) {
      await new Promise((done) => setTimeout(done, (next - now) * 1000));
      continue;
    }
    await take(now);
    next = Math.max(next + intervalS, Math.floor((performance.now() - started) / 1000 / intervalS) * intervalS);
  }
}

/** Shows a file in the video element, stopped at its first frame. */
export async function openFile(video: HTMLVideoElement, file: File): Promise<() => void> {
  const address = URL.createObjectURL(file);
  video.srcObject = null;
  video.src = address;
  await new Promise<void>((done, failed) => {
    video.onloadeddata = () => done();
    video.onerror = () => failed(new Error(`${file.name}: this browser cannot read the video`));
  });
  if (!Number.isFinite(video.duration)) throw new Error(`${file.name}: its length is not known`);
  return () => URL.revokeObjectURL(address);
}

/** Shows one frame after the other, `intervalS` seconds apart, and calls `take` for each. */
export async function everyFrame(
  video: HTMLVideoElement,
  intervalS: number,
  signal: AbortSignal,
  take: (timeS: number) => Promise<void>,
): Promise<void> {
  for (let k = 0; k * intervalS < video.duration && !signal.aborted; k++) {
    await seek(video, k * intervalS);
    await take(k * intervalS);
  }
}

/** Moves to a time and waits until its frame is shown. */
export async function seek(video: HTMLVideoElement, timeS: number): Promise<void> {
  if (Math.abs(video.currentTime - timeS) < 1e-6 && !video.seeking) return;
  await new Promise<void>((done, failed) => {
    video.addEventListener("seeked", () => done(), { once: true });
    video.onerror = () => failed(new Error(`the video cannot be read beyond ${timeS.toFixed(1)} s`));
    setTimeout(() => failed(new Error(`the video does not go on after ${timeS.toFixed(1)} s`)), SEEK_MS);
    video.currentTime = timeS;
  });
}
