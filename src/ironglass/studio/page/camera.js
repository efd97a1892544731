// The camera: a photo goes to the studio as a file would.
import { $, Refused, attempt, showError } from "./api.js";
import { open } from "./lists.js";

let stream = null;

async function start() {
  if (!navigator.mediaDevices) throw new Refused("this browser lends no camera to the page");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    throw new Refused(error.name === "NotAllowedError" ? "the browser was not allowed to use the camera" : "no camera can be opened");
  }
  $("video").srcObject = stream;
  $("camera-dialog").showModal();
}
function stop() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = $("video").srcObject = null;
  $("shoot").disabled = true;
}
function shoot() {
  const video = $("video"), still = document.createElement("canvas");
  Object.assign(still, { width: video.videoWidth, height: video.videoHeight });
  still.getContext("2d").drawImage(video, 0, 0);
  still.toBlob((blob) => {
    $("camera-dialog").close();
    if (blob) open(blob, "the camera's photo");
    else showError(new Error("the camera gave no picture"));
  }, "image/png");
}

export function watchCamera() {
  $("camera").addEventListener("click", () => attempt(start));
  $("video").addEventListener("loadeddata", () => { $("shoot").disabled = false; });
  $("shoot").addEventListener("click", shoot);
  $("camera-close").addEventListener("click", () => $("camera-dialog").close());
  $("camera-dialog").addEventListener("close", stop);
}
