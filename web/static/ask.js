// Asking without a reload: the page of the answer is fetched, and its main part put in place.
import { say } from "./say.js";

const main = () => document.querySelector("#main");
const here = () => location.pathname + location.search;
const seen = new Map(); // pages by address, so that going back shows what was there
let shown = here();
let asking = null;

export function listenForQuestions() {
  seen.set(shown, document.documentElement.outerHTML);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("role") !== "search") return;
    event.preventDefault();
    const filled = [...new FormData(form)].filter(([, value]) => value !== "");
    ask(`${new URL(form.action).pathname}?${new URLSearchParams(filled)}`);
  });
  addEventListener("popstate", () => {
    if (here() === shown) return; // only the part after "#" changed
    asking?.abort();
    if (seen.has(here())) show(parsed(seen.get(here())));
    else location.reload();
  });
}

async function ask(address) {
  asking?.abort();
  const mine = (asking = new AbortController());
  main().setAttribute("aria-busy", "true");
  say(document.querySelector(".state").dataset.busy);
  try {
    const reply = await fetch(address, { signal: mine.signal });
    const html = await reply.text();
    if (mine.signal.aborted) return;
    const page = parsed(html);
    if (address !== here()) history.pushState(null, "", address);
    if (reply.ok) seen.set(address, html);
    show(page);
    scrollTo(0, 0);
    main().focus({ preventScroll: true }); // as after a reload; a phone puts its keyboard away
  } catch (error) {
    if (mine.signal.aborted) return;
    main().removeAttribute("aria-busy");
    say(document.querySelector(".state").dataset.lost, true);
  }
}

// Throws when it is no page of ours: what stands between may say something of its own.
function parsed(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  if (!page.querySelector("#main") || !page.querySelector("form.box")) throw new Error("no page");
  return page;
}

function show(page) {
  const fresh = page.querySelector("#main");
  main().replaceWith(fresh);
  document.querySelector("form.box").replaceWith(page.querySelector("form.box"));
  document.title = page.title;
  document.body.className = page.body.className;
  settle();
  say(fresh.dataset.said);
}

// What is shown is what the address names.
export function settle() {
  shown = here();
}
