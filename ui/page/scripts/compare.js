// A chip under an answer opens the passage that it names and marks the words; without a range it marks the whole passage.
(() => {
  // Offsets are counted in characters as people count them, the browser counts UTF-16 units.
  const findRange = (box, start, end) => {
    const range = document.createRange();
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    let passed = 0;
    let open = false;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const signs = Array.from(node.data);
      const at = (place) => signs.slice(0, place - passed).join("").length;
      if (!open && start < passed + signs.length) {
        range.setStart(node, at(start));
        open = true;
      }
      if (open && end <= passed + signs.length) {
        range.setEnd(node, at(end));
        return range;
      }
      passed += signs.length;
    }
    return null;
  };
  const calm = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");
  document.addEventListener("click", (event) => {
    const chip = event.target.closest?.("button.chip[data-passage]");
    if (!chip) return;
    const passage = chip.closest(".answers")?.querySelector(`#passage-${CSS.escape(chip.dataset.passage)}`);
    if (!passage) return;
    passage.open = true;
    const text = passage.querySelector(".text");
    const [start, end] = [Number(chip.dataset.start), Number(chip.dataset.end)];
    const range = end > start ? findRange(text, start, end) : null;
    if (window.Highlight && CSS.highlights) {
      const whole = document.createRange();
      whole.selectNodeContents(text);
      CSS.highlights.set("provenance", new Highlight(range ?? whole));
    }
    text.focus({ preventScroll: true });
    passage.scrollIntoView({ behavior: calm(), block: "center" });
  });
  // On a phone the cards begin below the form: whoever asked is taken to them.
  window.ragftShowAnswers = () => {
    const box = document.getElementById("answers");
    if (box && box.getBoundingClientRect().top > innerHeight * 0.6) box.scrollIntoView({ behavior: calm(), block: "start" });
  };
})();
