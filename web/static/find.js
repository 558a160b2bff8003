// Finding titles as one types; without this the form asks for a page.
import { settle } from "./ask.js";
import { say } from "./say.js";

let wait = 0;
let finding = null;

export function listenForFinding() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-find]");
    if (!form) return;
    clearTimeout(wait);
    wait = setTimeout(() => find(form), 150);
  });
  addEventListener("popstate", stop);
  document.addEventListener("submit", stop);
}

function stop() {
  clearTimeout(wait);
  finding?.abort();
}

async function find(form) {
  finding?.abort();
  const { signal } = (finding = new AbortController());
  const address = `${new URL(form.action).pathname}?${new URLSearchParams(new FormData(form))}`;
  try {
    const reply = await fetch(address, { signal });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const listed = page.querySelector("#listed");
    const refused = page.querySelector("[role=alert]");
    if (signal.aborted) return;
    if (!reply.ok && refused) {
      say(refused.textContent.trim(), true);
      return;
    }
    if (!listed) throw new Error("no list");
    document.querySelector("#listed").replaceWith(listed);
    history.replaceState(null, "", address);
    settle();
    say(listed.querySelector(".fine")?.textContent ?? "");
  } catch (error) {
    if (!signal.aborted) say(document.querySelector(".state").dataset.lost, true);
  }
}
