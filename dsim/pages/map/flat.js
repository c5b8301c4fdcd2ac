// The points without WebGL2: marks are stamped into the bytes of an image, which is faster than a path for each.
function flatPoints(document, canvas, data) {
  const pen = canvas.getContext("2d");
  let looks = new Uint32Array(data.count), states = new Uint8Array(data.count), order = new Uint32Array(0);
  let image = null, stamps = null;

  // How much of each pixel a mark covers, for every shape: (side, side) in [0, 1].
  function stampsOf(radius) {
    if (stamps?.radius === radius) return stamps;
    const side = 2 * Math.ceil(radius * ROOM) + 1, bytes = drawStamps(document, side, radius);
    const each = SHAPES.map((_, number) => Float32Array.from({ length: side * side }, (_, at) => bytes[4 * (number * side * side + at) + 3] / 255));
    stamps = { radius, side, each };
    return stamps;
  }

  function stamp(left, top, cover, side, look, opacity) {
    const { width, height, data: bytes } = image, red = look & 255, green = (look >> 8) & 255, blue = (look >> 16) & 255;
    for (let row = Math.max(0, -top); row < side && top + row < height; row++) {
      for (let column = Math.max(0, -left); column < side && left + column < width; column++) {
        const part = cover[row * side + column] * opacity;
        if (part < 0.004) continue;
        const at = 4 * ((top + row) * width + left + column);
        bytes[at] += (red - bytes[at]) * part; bytes[at + 1] += (green - bytes[at + 1]) * part; bytes[at + 2] += (blue - bytes[at + 2]) * part;
      }
    }
  }

  return {
    kind: "canvas",
    paint(painted, indices) { looks = painted; order = indices; },
    mark(marked) { states = marked; },
    draw({ view, width, height, ratio, radius, passes, share }) {
      if (!image || image.width !== canvas.width || image.height !== canvas.height) image = pen.createImageData(canvas.width, canvas.height);
      image.data.fill(255);
      for (const { chosen, opacity, larger } of passes) {
        const { side, each } = stampsOf(radius * larger * ratio), half = (side - 1) / 2, wanted = chosen ? CHOSEN : 0;
        const most = Math.ceil(order.length * (chosen ? 1 : share));
        for (let step = 0; step < most; step++) {
          const one = order[step], state = states[one];
          if (!(state & SHOWN) || (state & CHOSEN) !== wanted) continue;
          const x = (width / 2 + (data.points[2 * one] - view.x) * view.scale) * ratio, y = (height / 2 - (data.points[2 * one + 1] - view.y) * view.scale) * ratio;
          if (x < -side || y < -side || x > image.width + side || y > image.height + side) continue;
          stamp(Math.round(x) - half, Math.round(y) - half, each[looks[one] >>> 24], side, looks[one], state & PALE ? 0.15 * opacity : opacity);
        }
      }
      pen.putImageData(image, 0, 0);
    },
  };
}

function drawStamps(document, side, radius) {
  const sheet = document.createElement("canvas"), pen = sheet.getContext("2d", { willReadFrequently: true });
  sheet.width = side; sheet.height = side * SHAPES.length;
  SHAPES.forEach((shape, number) => drawMark(pen, shape, "#fff", side / 2, (number + 0.5) * side, radius, Math.max(1, radius * 0.3)));
  return pen.getImageData(0, 0, side, side * SHAPES.length).data;
}
