// The item browser of Evaluate (`ui/page/evaluate/items_panel.py`): it asks the server for parts and puts them in their places.
// The filter's words are the server's; this script only says which choice was changed to what.
window.ragftItems = (() => {
  const PHONE = "(max-width: 900px)";
  let list = null;   // {element, props, server}: all that is seen; its value is the filter.
  let one = null;    // {props}: holds the opened item's id, and shows nothing.
  let run = "";
  let page = 0;
  let asked = 0;     // Number of the last question; answers to older ones are dropped.
  let askedItem = 0;
  let typing = 0;
  const kept = new Set();  // Folds that a person opened: they stay open from item to item.

  const part = name => list.element.querySelector(`[data-part="${name}"]`);
  const filter = () => String(list.props.value ?? "");
  const item = () => (one ? String(one.props.value ?? "") : "");
  const buttons = () => [...list.element.querySelectorAll("tbody [data-open]")];
  const find = id => buttons().find(button => button.dataset.open === id);

  const call = async (name, question) => {
    try {
      return await list.server[name](question);
    } catch (error) {
      return { error: "The page got no answer from its server. Reload the page." };
    }
  };

  const say = text => {
    const hint = part("hint");
    hint.textContent = text;
    hint.hidden = !text;
    part("body").hidden = Boolean(text);
  };

  // Draws the list anew; what was focused is focused again.
  const refresh = async (change = {}) => {
    if (!list) return;
    if (!run) { say("Choose a run to see its items."); return; }
    if (part("body").hidden) say("Opening the run…");
    const number = ++asked;
    list.element.setAttribute("aria-busy", "true");
    const shown = await call("show_list", { run, filter: filter(), page, ...change });
    if (number !== asked) return;
    list.element.removeAttribute("aria-busy");
    if (shown.error) { say(shown.error); return; }
    say("");
    const focused = document.activeElement;
    const held = list.element.contains(focused)
      ? { key: focused.dataset.key, value: focused.dataset.value, open: focused.dataset.open } : null;
    for (const name of ["pair", "tools", "found", "table", "pages", "causes"]) part(name).innerHTML = shown[name];
    part("note").textContent = shown.note;
    part("note").hidden = !shown.note;
    const search = list.element.querySelector("[data-search]");
    if (search !== focused && search.value !== shown.text) search.value = shown.text;
    if (list.props.value !== shown.filter) list.props.value = shown.filter;
    mark();
    if (held) focusAgain(held);
  };

  const focusAgain = held => {
    const key = CSS.escape(held.key ?? ""), value = CSS.escape(held.value ?? "");
    const again = held.open
      ? find(held.open) ?? buttons()[0]
      : list.element.querySelector(`select[data-key="${key}"]`) ?? list.element.querySelector(`[data-key="${key}"][data-value="${value}"]`);
    if (held.key || held.open) (again ?? list.element.querySelector("[data-search]")).focus({ preventScroll: true });
  };

  const change = (key, value) => { page = 0; return refresh({ key, value }); };

  // Shows in the list which item is open, and lets Tab return to it.
  const mark = () => {
    const rows = buttons();
    for (const button of rows) {
      const open = button.dataset.open === item();
      button.closest("tr").classList.toggle("open", open);
      if (open) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      button.tabIndex = -1;
    }
    const home = find(item()) ?? rows[0];
    if (home) home.tabIndex = 0;
  };

  const showItem = async ({ arm = "", focus = false } = {}) => {
    if (!list || !one) return;
    const id = item();
    part("both").classList.toggle("opened", Boolean(id && run));
    mark();
    const number = ++askedItem;
    if (!id || !run) { part("item").replaceChildren(); return; }
    const shown = await call("show_item", { run, filter: filter(), item: id });
    if (number !== askedItem) return;
    if (shown.error) {
      const sentence = document.createElement("p");
      sentence.className = "quiet";
      sentence.textContent = shown.error;
      part("item").replaceChildren(sentence);
      return;
    }
    part("item").innerHTML = shown.item;
    for (const fold of part("item").querySelectorAll("details[data-keep]")) {
      if (kept.has(fold.dataset.keep)) fold.open = true;
    }
    const panel = part("item");
    panel.scrollTop = 0;
    const answer = arm && part("item").querySelector(`details[data-arm="${CSS.escape(arm)}"]`);
    if (answer) answer.open = true;
    const phone = matchMedia(PHONE).matches;
    if (phone) panel.scrollIntoView({ block: "start" });
    if (answer) answer.scrollIntoView({ block: phone ? "start" : "nearest" });
    if (focus || phone) part("item").querySelector("h4")?.focus({ preventScroll: true });
  };

  const open = (id, how) => {
    if (!one || !id) return;
    one.props.value = id;
    showItem(how);
  };

  const close = () => {
    const id = item();
    one.props.value = "";
    showItem();
    const back = find(id) ?? buttons()[0];
    back?.scrollIntoView({ block: "nearest" });
    back?.focus({ preventScroll: true });
  };

  // One item on or back, from the focused one or from the open one; the next page is fetched at the end of this one.
  const step = async by => {
    const inItem = part("item").contains(document.activeElement);
    if (inItem) {
      const way = part("item").querySelector(`[data-way="${by > 0 ? "next" : "previous"}"]`);
      if (way && !way.disabled) open(way.dataset.open, { focus: true });
      return;
    }
    const rows = buttons();
    const at = rows.findIndex(button => button === document.activeElement);
    const from = at >= 0 ? at : rows.findIndex(button => button.dataset.open === item());
    let next = rows[from + by];
    if (!next && from >= 0) {
      const ways = part("pages").querySelectorAll("[data-page]");
      const way = ways[by > 0 ? 1 : 0];
      if (!way || way.disabled) return;
      page = Number(way.dataset.page);
      await refresh();
      next = by > 0 ? buttons()[0] : buttons().at(-1);
    }
    if (!next) return;
    for (const button of buttons()) button.tabIndex = button === next ? 0 : -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    if (item()) open(next.dataset.open);
  };

  const press = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (event.key === "Escape" && item() && target.tagName !== "SELECT") { event.preventDefault(); close(); return; }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const inList = list.element.contains(target) && target.closest("tbody");
    const inItem = part("item").contains(target);
    if (!inList && !inItem) return;
    if (event.key === "j" || (inList && event.key === "ArrowDown")) { event.preventDefault(); step(1); }
    else if (event.key === "k" || (inList && event.key === "ArrowUp")) { event.preventDefault(); step(-1); }
    else if (inList && (event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      const next = event.key === "Home" ? buttons()[0] : buttons().at(-1);
      next?.focus();
    }
  };

  const choose = event => {
    const filtering = event.target.closest("[data-items-filter]");
    if (filtering) { event.preventDefault(); show(filtering.dataset.itemsFilter); return; }
    const chip = event.target.closest("button[data-key]");
    if (chip) { change(chip.dataset.key, chip.getAttribute("aria-pressed") === "true" ? "" : chip.dataset.value); return; }
    const leaf = event.target.closest("[data-page]");
    if (leaf && !leaf.disabled) {
      page = Number(leaf.dataset.page);
      refresh().then(() => { part("table").scrollTop = 0; buttons()[0]?.focus({ preventScroll: true }); });
      return;
    }
    if (part("item").contains(event.target)) { chooseInItem(event); return; }
    const row = event.target.closest("tr[data-item]");
    if (row) open(row.dataset.item, { arm: event.target.closest("td")?.dataset.arm });
  };

  const chooseInItem = event => {
    if (event.target.closest("[data-close]")) { close(); return; }
    const way = event.target.closest("[data-open]");
    if (way && !way.disabled) open(way.dataset.open, { focus: true });
  };

  // Folds whose content takes a while are filled when they are opened.
  const fill = async fold => {
    if (fold.dataset.known) return;
    fold.dataset.known = "yes";
    const shown = await call(fold.dataset.ask, { run, item: item(), arm: fold.dataset.of, draw: fold.dataset.draw });
    const body = fold.querySelector("div");
    if (shown.error) body.textContent = shown.error;
    else body.innerHTML = shown.part;
  };

  // Shows the items of a filter, from anywhere on the page: an element with `data-items-filter` is a link to its items.
  const show = text => {
    if (!list) return;
    page = 0;
    list.props.value = text;
    refresh();
    list.element.scrollIntoView({ block: "start" });
  };
  document.addEventListener("click", event => {
    const link = event.target.closest?.("[data-items-filter]");
    if (link && list && !list.element.contains(link)) { event.preventDefault(); show(link.dataset.itemsFilter); }
  });

  return {
    show,
    mountList({ element, props, server, watch }) {
      list = { element, props, server };
      element.addEventListener("click", choose);
      element.addEventListener("keydown", press);
      element.addEventListener("change", event => {
        if (event.target.matches("select[data-key]")) change(event.target.dataset.key, event.target.value);
      });
      element.querySelector("[data-search]").addEventListener("input", event => {
        clearTimeout(typing);
        typing = setTimeout(() => change("text", event.target.value), 250);
      });
      element.addEventListener("toggle", event => {
        const fold = event.target;
        if (!fold.dataset?.keep) return;
        if (fold.open) kept.add(fold.dataset.keep);
        else kept.delete(fold.dataset.keep);
        if (fold.open && fold.dataset.ask) fill(fold);
      }, true);
      watch("value", () => refresh());
      refresh();
      showItem();
    },
    mountItem({ props, watch }) {
      one = { props };
      watch("value", () => showItem());
      showItem();
    },
    openRun(name) {
      const next = String(name ?? "");
      if (next === run) return;
      run = next;
      page = 0;
      if (list) part("body").hidden = true;  // Another run's items must not be taken for this one's while it opens.
      refresh();
      showItem();
    },
  };
})();
