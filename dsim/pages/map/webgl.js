// The points by WebGL2: one call draws them all, a second one those that are selected, above the others.
const SHOWN = 1, CHOSEN = 2, PALE = 4;

const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec2 place;
layout(location = 1) in vec4 look;
layout(location = 2) in uint state;
uniform vec2 middle, half_size;
uniform float scale, size, opacity;
uniform uint chosen;
out vec4 colour;
flat out float shape;
void main() {
  bool drawn = (state & 1u) != 0u && (state & 2u) == chosen;
  gl_Position = drawn ? vec4((place - middle) * scale / half_size, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
  colour = vec4(look.rgb, (state & 4u) != 0u ? 0.15 * opacity : opacity);
  shape = floor(look.a * 255.0 + 0.5);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
precision mediump sampler2DArray;
uniform sampler2DArray shapes;
in vec4 colour;
flat in float shape;
out vec4 result;
void main() {
  float covered = texture(shapes, vec3(gl_PointCoord, shape)).a * colour.a;
  if (covered < 0.004) discard;
  result = vec4(colour.rgb * covered, covered);
}`;

// Marks in white, below one another, each in a square whose half side is 1.2 times the radius of the mark.
const ATLAS = 32, ROOM = 1.2;
function drawAtlas(document, side) {
  const sheet = document.createElement("canvas"), pen = sheet.getContext("2d", { willReadFrequently: true });
  sheet.width = side; sheet.height = side * SHAPES.length;
  SHAPES.forEach((shape, number) => drawMark(pen, shape, "#fff", side / 2, (number + 0.5) * side, side / 2 / ROOM, side * 0.13));
  return pen.getImageData(0, 0, side, side * SHAPES.length).data;
}

function compiled(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}

// Whether the browser says that it computes WebGL without a graphics card.
function isSoftware(gl) {
  const known = gl.getExtension("WEBGL_debug_renderer_info");
  return Boolean(known) && /swiftshader|llvmpipe|softpipe|software|basic render/i.test(gl.getParameter(known.UNMASKED_RENDERER_WEBGL));
}

// A renderer of points, or null where the browser has no WebGL2, or would compute it without a graphics card: that is
// several times slower than `flatPoints`, whose parts are the same.
function webglPoints(document, canvas, data) {
  const gl = canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false });
  const program = gl && !isSoftware(gl) && compiled(gl);
  if (!program) return null;
  const buffers = [0, 1, 2].map(() => gl.createBuffer()), order = gl.createBuffer();
  const uniform = Object.fromEntries(["middle", "half_size", "scale", "size", "opacity", "chosen"].map((name) => [name, gl.getUniformLocation(program, name)]));
  const fill = (number, values, use = gl.DYNAMIC_DRAW) => { gl.bindBuffer(gl.ARRAY_BUFFER, buffers[number]); gl.bufferData(gl.ARRAY_BUFFER, values, use); };
  gl.useProgram(program);
  fill(0, data.points, gl.STATIC_DRAW);
  gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, false, 0, 0);
  fill(1, new Uint32Array(data.count));
  gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
  fill(2, new Uint8Array(data.count));
  gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_BYTE, 0, 0);
  for (const number of [0, 1, 2]) gl.enableVertexAttribArray(number);
  gl.bindTexture(gl.TEXTURE_2D_ARRAY, gl.createTexture());
  gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.RGBA, ATLAS, ATLAS, SHAPES.length, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(drawAtlas(document, ATLAS).buffer));
  gl.generateMipmap(gl.TEXTURE_2D_ARRAY);
  gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  return {
    kind: "webgl2",
    paint(looks, indices) {
      fill(1, looks);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
    },
    mark(states) { fill(2, states); },
    draw({ view, width, height, ratio, radius, passes, share }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniform.middle, view.x, view.y);
      gl.uniform2f(uniform.half_size, width / 2, height / 2);
      gl.uniform1f(uniform.scale, view.scale);
      for (const { chosen, opacity, larger } of passes) {
        gl.uniform1f(uniform.size, 2 * ROOM * radius * larger * ratio);
        gl.uniform1f(uniform.opacity, opacity);
        gl.uniform1ui(uniform.chosen, chosen ? CHOSEN : 0);
        gl.drawElements(gl.POINTS, Math.ceil(data.count * (chosen ? 1 : share)), gl.UNSIGNED_INT, 0);
      }
    },
  };
}
