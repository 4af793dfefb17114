// From what a video element shows to the bytes that the model takes.

const WIDEST = 320; // pixels of the longer side: the model looks at 172, so more only costs time

export interface Frame {
  bytes: Uint8Array;
  shape: readonly number[];
}

const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });

/** The frame that the video shows now; null where it shows none yet. */
export function grab(video: HTMLVideoElement): Frame | null {
  if (!context || !video.videoWidth || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
  const scale = Math.min(1, WIDEST / Math.max(video.videoWidth, video.videoHeight));
  const width = Math.round(video.videoWidth * scale);
  const height = Math.round(video.videoHeight * scale);
  canvas.width = width;
  canvas.height = height;
  context.imageSmoothingQuality = "high";
  context.drawImage(video, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const bytes = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    bytes[to++] = data[from]!;
    bytes[to++] = data[from + 1]!;
    bytes[to++] = data[from + 2]!;
  }
  return { bytes, shape: [1, 1, height, width, 3] };
}
