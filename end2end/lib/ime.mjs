// Typing with an input method, as the browser's engine hears it from the operating system.

/** Key code of every key that an input method takes for itself. */
const TAKEN_BY_INPUT_METHOD = 229;
const ENTER = 13;

const compose = (session, text) =>
  session.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
const commit = (session, text) => session.send("Input.insertText", { text });
const press = (session, windowsVirtualKeyCode, extra) =>
  session.send("Input.dispatchKeyEvent", { windowsVirtualKeyCode, key: "Enter", code: "Enter", ...extra });
const confirm = async (session, text) => {
  await press(session, TAKEN_BY_INPUT_METHOD, { type: "rawKeyDown" });
  await commit(session, text);
};

/** Plain Enter. */
export async function pressEnter(session) {
  await press(session, ENTER, { type: "keyDown", text: "\r" });
  await press(session, ENTER, { type: "keyUp" });
}

/**
 * Korean: the last syllable is still being composed when Enter is pressed. The one key press first commits the syllable
 * and is then Enter itself.
 */
export async function typeKoreanAndEnter(session, text) {
  const last = [...text].at(-1);
  await commit(session, text.slice(0, -last.length));
  await compose(session, last);
  await confirm(session, last);
  await pressEnter(session);
}

/** Japanese: Enter only confirms what was converted. */
export async function typeJapaneseAndConfirm(session, text) {
  await compose(session, text);
  await confirm(session, text);
  await press(session, ENTER, { type: "keyUp" });
}
