"use strict"; // in a block below, so that the page's own names stay its own
// <citespan-box endpoint="https://citespan.example.org"></citespan-box>: a box to ask a Citespan
// service from any page; without `endpoint` it is the one that this file comes from. Looks are set
// by CSS variables on the element (see STYLE); `answers` is how many to show, `label` what the box
// says.
{
  const HOME = new URL("../", document.currentScript?.src || document.baseURI); // told at load only
  const STYLE = `
    :host {
      display: block;
      color: var(--citespan-ink, CanvasText);
      font: var(--citespan-font, 1rem/1.5 system-ui, sans-serif);
      overflow-wrap: anywhere;
    }
    :host([hidden]) { display: none; }
    form { display: flex; gap: .5rem; }
    input, button {
      min-height: 2.75rem;
      padding: .4rem .9rem;
      border: 1px solid var(--citespan-line, GrayText);
      border-radius: var(--citespan-radius, .5rem);
      font: inherit;
    }
    input { flex: 1; min-width: 0; background: var(--citespan-paper, Field); color: inherit; }
    button {
      border-color: transparent;
      background: var(--citespan-accent, #7a1f1f);
      color: var(--citespan-on-accent, #fff);
      cursor: pointer;
    }
    :focus-visible { outline: 3px solid var(--citespan-accent, #7a1f1f); outline-offset: 2px; }
    [aria-busy=true] { opacity: .5; }
    article { padding: 1rem 0 .4rem; }
    blockquote { margin: 0 0 .5rem; font: var(--citespan-quote, 1.15em/1.55 Georgia, serif); }
    mark {
      padding: .05em .12em;
      border-radius: .15em;
      background: var(--citespan-mark, #ffe48a);
      color: var(--citespan-on-mark, #1d1b19);
    }
    p { margin: .8rem 0 0; }
    article p { margin: 0; font-size: .9em; }
    a { color: inherit; font-weight: 600; }
  `;

  class CitespanBox extends HTMLElement {
    #asking = null;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet(); // not a <style>, which a strict policy would refuse
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    }

    connectedCallback() {
      if (this.shadowRoot.childElementCount) return;
      const label = this.getAttribute("label") ?? "Ask the articles a question";
      const box = make("input", { type: "search", required: "", maxlength: 500, "aria-label": label });
      box.placeholder = label;
      const form = make("form", { role: "search" }, box, make("button", {}, "Ask"));
      this.shadowRoot.append(form, make("div", { "aria-live": "polite" }));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#ask(box.value);
      });
    }

    async #ask(question) {
      const place = this.shadowRoot.querySelector("div");
      this.#asking?.abort();
      const { signal } = (this.#asking = new AbortController());
      place.setAttribute("aria-busy", "true");
      const shown = await answered(this.#address(question), signal).catch(() => null);
      if (signal.aborted) return;
      place.removeAttribute("aria-busy");
      place.replaceChildren(...(shown ?? [make("p", {}, "The answers can't be reached just now.")]));
    }

    #address(question) {
      const base = new URL(this.getAttribute("endpoint") ?? HOME, document.baseURI);
      const address = new URL("api/v1/ask", base.href.replace(/\/?$/, "/"));
      address.search = new URLSearchParams({ q: question, k: this.getAttribute("answers") ?? 1 });
      return address;
    }
  }

  async function answered(address, signal) {
    const reply = await fetch(address, { signal });
    const body = await reply.json();
    if (!reply.ok) return [make("p", {}, body.detail)];
    if (!body.answers.length) return [make("p", {}, `No answer. ${body.reason}`)];
    return body.answers.map((answer) => card(answer, body.calibrated, address));
  }

  function card(answer, calibrated, address) {
    const [citation] = answer.citations;
    const { before, quote, after, title, source, published, page } = citation;
    const link = make("a", { href: linked(citation, address), rel: "noopener" }, title);
    const rest = [source, published, page && `page ${page}`].filter(Boolean);
    return make(
      "article",
      {},
      make("p", {}, standing(answer, calibrated)),
      make("blockquote", {}, before, make("mark", {}, quote), after),
      make("p", {}, link, ...rest.map((part) => ` · ${part}`)),
    );
  }

  // How surely it is right, in words and as a number, as the service's own page says it.
  function standing({ confidence, sure }, calibrated) {
    const percent = Math.min(Math.max(Math.round(confidence * 100), 1), 99);
    const likely = confidence >= 0.8 ? "very likely" : confidence >= 0.5 ? "likely" : "possible";
    return `${sure ? "sure" : likely}, ${percent}%${calibrated ? "" : ", uncalibrated"}`;
  }

  // The publisher's page, else the article at the service, scrolled to the words.
  function linked({ url, article_id, start, end, page }, address) {
    if (/^https?:\/\//i.test(url ?? "")) return page && !url.includes("#") ? `${url}#page=${page}` : url;
    const place = `../../articles/${encodeURIComponent(article_id)}?start=${start}&end=${end}#answer`;
    return new URL(place, address).href;
  }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children); // strings become text, never markup
    return element;
  }

  if (!customElements.get("citespan-box")) customElements.define("citespan-box", CitespanBox);
}
