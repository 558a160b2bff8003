// One line for what happens: heard always, seen only when it is trouble.
export function say(words, trouble = false) {
  const state = document.querySelector(".state");
  state.classList.toggle("trouble", trouble);
  state.textContent = words;
}
