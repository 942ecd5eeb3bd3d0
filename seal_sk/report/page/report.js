"use strict";

// Sort tables by a click on a heading.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
        return numbers ? x - y : x.localeCompare(y);
      });
      table.tBodies[0].append(...(down ? rows.reverse() : rows));
    });
  });
}

// Boundaries drawn over the photograph, for every method at one count.
const pictures = JSON.parse(document.getElementById("pictures").textContent);
if (pictures) {
  const byId = (id) => document.getElementById(id);
  const loaded = new Map();
  let latest = 0;

  const load = (source) => {
    if (!loaded.has(source)) {
      const image = new Image();
      image.src = source;
      loaded.set(source, image.decode().then(() => image));
    }
    return loaded.get(source);
  };

  // A picture of boundaries, white on black, as a mask of one colour.
  const paint = (context, boundary, color) => {
    const { width, height } = context.canvas;
    const layer = new OffscreenCanvas(width, height).getContext("2d");
    layer.drawImage(boundary, 0, 0);
    const mask = layer.getImageData(0, 0, width, height);
    for (let i = 0; i < mask.data.length; i += 4) {
      const on = mask.data[i] > 127;
      mask.data.set([...color, on ? 255 : 0], i);
    }
    layer.putImageData(mask, 0, 0);
    context.drawImage(layer.canvas, 0, 0);
  };

  const show = async () => {
    const turn = ++latest;
    const image = pictures.images[byId("image").value];
    const count = pictures.counts[byId("count").value];
    byId("count-shown").textContent = count;
    const photo = await load(image.photo);
    const truth = byId("show-truth").checked ? await load(image.truth) : null;
    const tiles = [];
    for (const [method, counts] of Object.entries(image.methods)) {
      const found = counts[count];
      if (!found) continue;
      const tile = document.createElement("div");
      tile.className = "tile";
      tile.dataset.method = method;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [photo.naturalWidth, photo.naturalHeight];
      const context = canvas.getContext("2d");
      context.drawImage(photo, 0, 0);
      if (byId("show-lines").checked)
        paint(context, await load(found.boundary), [255, 225, 0]);
      if (truth) paint(context, truth, [255, 0, 80]);
      const caption = document.createElement("p");
      caption.textContent = `${method}: ${found.n} superpixels, ${found.text}`;
      tile.append(canvas, caption);
      tiles.push(tile);
    }
    // Newer requests are drawn by a later call.
    if (turn === latest) byId("tiles").replaceChildren(...tiles);
  };

  pictures.images.forEach((image, i) => byId("image").add(new Option(image.name, i)));
  byId("count").max = pictures.counts.length - 1;
  byId("count").value = Math.floor((pictures.counts.length - 1) / 2);
  for (const id of ["image", "count", "show-truth", "show-lines"])
    byId(id).addEventListener("input", show);
  byId("browser").hidden = false;
  show();
}
