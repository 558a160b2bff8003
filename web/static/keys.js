// "/" goes to the box; arrows go through the answers, Enter opens one, "c" copies it.
import { copyQuotation } from "./copy.js";

export function listenForKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = ACTS[event.key];
    if (act && act(event.target, event.shiftKey)) event.preventDefault();
  });
}

const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
const box = () => document.querySelector("#q");
const stops = () =>
  [...document.querySelectorAll("#main .stop")].filter((one) => one.checkVisibility());

const ACTS = {
  "/": (target) => {
    if (typing(target)) return false;
    box().focus();
    box().select();
    return true;
  },
  ArrowDown: (target, shift) => !shift && move(target, 1),
  ArrowUp: (target, shift) => !shift && move(target, -1),
  Enter: (target) => {
    const link = target.matches(".stop") && target.querySelector("a.title");
    if (link) link.click();
    return Boolean(link);
  },
  c: (target) => {
    const answer = target.closest(".answer") ?? document.querySelector(".answer");
    if (typing(target) || !answer || String(getSelection())) return false;
    copyQuotation(answer);
    return true;
  },
};

function move(target, step) {
  const all = stops();
  const at = all.indexOf(target);
  if (at < 0 && !target.matches("#q, #main")) return false; // elsewhere the arrows scroll
  const next = all[at + step];
  if (next) next.focus();
  else if (step < 0 && at === 0) box().focus();
  return Boolean(next) || (step < 0 && at === 0);
}
