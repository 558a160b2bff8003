// Copying what the server wrote; the texts stand in the page, so that no script makes them.
import { say } from "./say.js";

export function listenForCopies() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) copy(button.closest("dt").nextElementSibling.textContent, button);
  });
}

export function copyQuotation(answer) {
  const text = answer.querySelector(".cite pre")?.textContent;
  if (text) copy(text, answer.querySelector(".cite summary"));
}

async function copy(text, where) {
  if (!(await written(text))) return say("Copying is not allowed here.", true);
  say("Copied.");
  where.dataset.copied = "";
  setTimeout(() => delete where.dataset.copied, 1500);
}

async function written(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return writtenByHand(text); // the clipboard is only there over https and on localhost
  }
}

function writtenByHand(text) {
  const back = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "unseen";
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  back?.focus({ preventScroll: true });
  return done;
}
