// An exercise: hints one by one and the course's answer; on a page, where no Python runs, also a place to answer.
import { escaped, openStage } from "./stage.js";

const STYLE = `
.exercise .form { border: 1px solid var(--line); border-left: 4px solid var(--one); border-radius: 6px; padding: 10px 14px; margin-bottom: 8px }
.exercise input[type="text"] { font: inherit; font-family: monospace; width: min(100%, 22rem); padding: 5px 8px; min-height: 34px;
  color: var(--text); background: var(--ground); border: 1px solid var(--line); border-radius: 6px }
.exercise pre { margin: 0 0 8px; padding: 8px 10px; overflow-x: auto; background: var(--faint); color: var(--text) }
.exercise ol { margin: 8px 0; padding-left: 1.6em } .exercise .form p { margin: 8px 0 0 } .exercise code { background: var(--faint) }
.exercise label { display: inline-flex; gap: 6px; align-items: center }`;

/** What was typed, as numbers in lists: "[[1, 2], [3, 4]]", "4, 12", "8/3"; undefined where it is none of these. */
export function parsed(text) {
  const tidy = text.trim().replaceAll("−", "-").replaceAll("(", "[").replaceAll(")", "]");
  if (!tidy) return undefined;
  const divided = tidy.replace(/(-?[\d.]+(?:e-?\d+)?)\s*\/\s*(-?[\d.]+(?:e-?\d+)?)/gi, (_, over, under) =>
    String(over / under),
  );
  for (const candidate of [divided, `[${divided}]`]) {
    try {
      const value = JSON.parse(candidate.replace(/(^|[^\d])\.(\d)/g, "$10.$2").replace(/(\d)\.(?!\d)/g, "$1"));
      if ([value].flat(9).every((part) => typeof part === "number")) return value;
    } catch {}
  }
}

/** Whether an answer is as good as another: numbers within the tolerance, texts without regard to capitals. */
export function equal(got, right, { rtol = 0, atol = 1e-6 }) {
  if (typeof right === "string") return typeof got === "string" && got.trim().toLowerCase() === right.trim().toLowerCase();
  if (typeof right === "number" && Array.isArray(got) && got.length === 1) return equal(got[0], right, { rtol, atol });
  if (typeof right === "number") return typeof got === "number" && Math.abs(got - right) <= atol + rtol * Math.abs(right);
  return (
    Array.isArray(right) &&
    Array.isArray(got) &&
    got.length === right.length &&
    right.every((part, i) => equal(got[i], part, { rtol, atol }))
  );
}

const shape = (value) => (Array.isArray(value) ? [value.length, ...(value.length ? shape(value[0]) : [])] : []);

/** What to say to an answer, as the check in the notebook does: {right, words}. */
export function judge(form, got, why) {
  if (equal(got, form.right, form)) return { right: true, words: why };
  const place = form.parts.findIndex((_, index) => !equal(got?.[index], form.right[index], form));
  const named = form.mistakes.find(([, value]) => equal(got, value, form))
    ?? form.mistakes.find(([words, value]) => place >= 0 && Array.isArray(value) && (words.includes("{part}") || value.includes(null)) && value[place] !== null && equal(got?.[place], value[place], form)); // prettier-ignore
  if (named) return { right: false, words: named[0].replaceAll("{part}", form.parts[place] ?? "") };
  const wanted = shape(form.right);
  if (got === undefined || String(shape(got)) !== String(wanted)) {
    const what = wanted.length ? `${wanted.join(" by ")} numbers` : "a single number";
    return { right: false, words: `${what[0].toUpperCase()}${what.slice(1)} ${wanted.length ? "are" : "is"} wanted here.` };
  }
  if (typeof form.right === "number")
    return { right: false, words: `${got} is too ${got > form.right ? "large" : "small"}. A hint may help.` };
  return { right: false, words: "That is not right yet. A hint may help." };
}

const marked = (words) => escaped(words).replace(/`(.+?)`/g, "<code>$1</code>");

function render({ model, el }) {
  const { number, hints, solution, why, form } = model.get("given");
  const stage = openStage(el, `<div class="exercise">${form ? formMarkup() : ""}<div class="ex-row"><button class="hint">Hint</button>
    ${solution ? '<button class="solution">Solution</button>' : ""}</div><ol class="hints" aria-live="polite"></ol>
    <div class="shown" aria-live="polite"></div></div>`, STYLE); // prettier-ignore
  const [hint, answer] = [stage.find(".hint"), stage.find(".solution")];
  const kept = () => model.get("kept") ?? {};

  function keep(more) {
    model.set("kept", { ...kept(), ...more });
    model.save_changes();
  }

  function formMarkup() {
    const { choices, parts, right } = form;
    const select = (
      name,
    ) => `<label>${escaped(name)} <select aria-label="${escaped(name || `answer to ${number}`)}"><option value="">…</option>
      ${choices.map((choice) => `<option>${escaped(choice)}</option>`).join("")}</select></label>`;
    const several = Array.isArray(right) ? (parts.length ? parts : right.map((_, index) => `${index + 1}.`)) : [""];
    const field = `<input type="text" aria-label="answer to ${number}" spellcheck="false" autocomplete="off">`;
    return `<form class="form"><div class="ex-row"><b>Answer ${number} here</b>${choices ? several.map(select).join("") : field}
      <button>Check</button></div><p class="verdict" role="status"></p></form>`;
  }

  function given() {
    if (!form.choices) return parsed(stage.find("input").value);
    const chosen = [...stage.root.querySelectorAll("select")].map(({ value }) => value);
    return Array.isArray(form.right) ? chosen : chosen[0];
  }

  function verdict() {
    const { right, words } = judge(form, given(), why);
    stage.find(".verdict").innerHTML =
      `<b>${right ? `✓ ${number} is right.` : `✗ ${number} is not right yet.`}</b> ${marked(words)}`;
    return right;
  }

  function showHints() {
    const shown = Math.min(kept().hints ?? 0, hints.length);
    stage.find(".hints").innerHTML = hints
      .slice(0, shown)
      .map((words) => `<li>${marked(words)}</li>`)
      .join("");
    hint.textContent = shown ? `Hint ${shown} of ${hints.length}` : "Hint";
    if (shown && shown < hints.length) hint.textContent += ": one more";
    hint.disabled = shown === hints.length;
  }

  let sure = false;
  function showSolution() {
    if (!sure) {
      [sure, answer.textContent] = [true, "Are you sure? Show the course's answer"];
      return;
    }
    answer.disabled = true;
    answer.textContent = "The course's answer";
    stage.find(".shown").innerHTML = `<pre tabindex="0"><code>${escaped(solution)}</code></pre><p>${marked(why)}</p>`;
  }

  stage.listen(hint, "click", () => {
    keep({ hints: (kept().hints ?? 0) + 1 });
    showHints();
  });
  if (answer) stage.listen(answer, "click", showSolution);
  if (form) {
    stage.listen(stage.find("form"), "submit", (event) => {
      event.preventDefault();
      const texts = [...stage.root.querySelectorAll("form input, form select")].map(({ value }) => value);
      keep({ texts, right: verdict() || Boolean(kept().right) });
    });
    const fields = stage.root.querySelectorAll("form input, form select");
    kept().texts?.forEach((text, index) => fields[index] && (fields[index].value = text));
    if (kept().texts) verdict();
  }
  showHints();
  return stage.close;
}

export default { render };
