// What a script adds to the pages; each of them works without this.
import { listenForCopies } from "./copy.js";
import { listenForFinding } from "./find.js";
import { listenForKeys } from "./keys.js";
import { listenForQuestions } from "./ask.js";

document.documentElement.classList.add("has-script");
listenForQuestions();
listenForFinding();
listenForKeys();
listenForCopies();
