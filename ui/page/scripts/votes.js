// Keys of the blind vote (`ui/page/evaluate/vote_panel.py`): 1 to 4 choose, N goes on, where nothing is typed into.
window.ragftVotes = (() => {
  const KEYS = { 1: "vote-1", 2: "vote-2", 3: "vote-3", 4: "vote-4", n: "vote-next", N: "vote-next" };
  const find = name => document.getElementById(name);
  const usable = button => button && button.offsetParent !== null && !button.disabled;

  document.addEventListener("keydown", event => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable], [role='listbox'], [role='combobox']")) return;
    const panel = find("votes"), button = find(name);
    // Only where the panel is in sight: elsewhere on the page a key means something else.
    const box = panel?.getBoundingClientRect();
    if (!usable(button) || box.bottom < 0 || box.top > innerHeight) return;
    event.preventDefault();
    button.click();
  });

  return {
    focus() {
      // Gradio switches the buttons a moment after the event.
      setTimeout(() => [find("vote-next"), find("vote-1")].find(usable)?.focus({ preventScroll: true }), 50);
    },
  };
})();
