// Keeps what is chosen in the page's address, so that a reload or a copied link returns to it. `ui/page/address.py` calls it.
// Until a key has been read from the address nothing is written to it: a page that comes up would overwrite what was asked.
window.ragftAddress = (() => {
  const read = new Set();
  const write = (key, value) => {
    if (!read.has(key)) return;
    const address = new URL(location.href);
    const text = Array.isArray(value) ? value.join(",") : String(value ?? "");
    if (text) address.searchParams.set(key, text);
    else address.searchParams.delete(key);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
  };
  const begin = (key, value) => {
    read.add(key);
    if (value !== undefined) write(key, value);
  };
  return { begin, write };
})();
