// Filters the items of a report; without it all of them are shown.
const form = document.querySelector(".filter");
if (form) {
  const items = [...document.querySelectorAll(".item")];
  const texts = new Map();
  const read = (item) => texts.get(item) ?? texts.set(item, item.textContent.toLowerCase()).get(item);
  const apply = () => {
    const wanted = [form.approach.value, form.state.value, form.cause.value];
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      // One answer must be of this approach, in this state and for this cause at once; an item that nobody answered has none.
      const marks = item.dataset.marks.split(" ").filter(Boolean);
      const fits = wanted.every((part) => !part) || marks.some((mark) => mark.split("|").every((part, place) => !wanted[place] || part === wanted[place]));
      item.hidden = !(fits && words.every((word) => read(item).includes(word)));
      shown += item.hidden ? 0 : 1;
    }
    form.querySelector("output").textContent = `${shown} of ${items.length} items`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
