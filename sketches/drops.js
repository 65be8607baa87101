// drops of light that melt together and part
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

const SIDE = 96; // the field is worked out coarsely and drawn smoothly
let balls = [], hue, field;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed);
  hue = random(360);
  for (let i = 0; i < floor(random(4, 8)); i++) {
    balls.push({ r: random(0.09, 0.17), a: random([1, 1, 2]), b: random([-2, -1, 1, 2]), from: random(TWO_PI), to: random(TWO_PI), wide: random(0.15, 0.34), high: random(0.15, 0.34) });
  }
  field = createImage(SIDE, SIDE);
}

function draw() {
  const t = TWO_PI * phase();
  const at = balls.map((q) => [0.5 + q.wide * sin(q.a * t + q.from), 0.5 + q.high * cos(q.b * t + q.to), q.r * q.r]);
  const table = [];
  for (let k = 0; k < 256; k++) {
    const v = k / 255, edge = exp(-(((v - 0.42) / 0.07) ** 2)), body = constrain((v - 0.4) * 12, 0, 1);
    const c = color((hue + 200 * v) % 360, 85 - 55 * edge, constrain(6 + 16 * v + body * (18 + 60 * v * v) + 70 * edge, 0, 100));
    table.push([red(c), green(c), blue(c)]);
  }
  field.loadPixels();
  for (let j = 0; j < SIDE; j++) {
    for (let i = 0; i < SIDE; i++) {
      let sum = 0;
      for (const [x, y, r2] of at) sum += r2 / (((i + 0.5) / SIDE - x) ** 2 + ((j + 0.5) / SIDE - y) ** 2 + 0.0004);
      const c = table[Math.min(255, Math.floor((255 * sum) / (sum + 1.4)))], p = 4 * (j * SIDE + i);
      [field.pixels[p], field.pixels[p + 1], field.pixels[p + 2], field.pixels[p + 3]] = [c[0], c[1], c[2], 255];
    }
  }
  field.updatePixels();
  image(field, 0, 0, width, height);
}
