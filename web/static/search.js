// "/" focuses the box, and asking shows that something happens; the page works without this.
const form = document.querySelector("form.box");
const box = form.querySelector("input[type=search]");
const button = form.querySelector("button");
const state = form.querySelector(".state");

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  box.focus();
  box.select();
});

form.addEventListener("submit", () => {
  button.disabled = true;
  state.textContent = state.dataset.busy;
});

// The back button may bring this page back as it was left.
addEventListener("pageshow", () => {
  button.disabled = false;
  state.textContent = "";
});
