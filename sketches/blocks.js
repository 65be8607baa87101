// a floor of blocks through which a wave runs
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let n, hue, waves, cx, cy;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  noStroke();
  randomSeed(P.seed);
  n = floor(random(5, 9));
  hue = random(360);
  waves = random(0.5, 1.3);
  cx = random(-0.4, 0.4);
  cy = random(-0.4, 0.4);
}

function draw() {
  background(hue, 55, 7);
  translate(width / 2, height * 0.34);
  const w = (width * 0.86) / n / 2, h = w / 2;
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const d = dist((2 * i + 1) / n - 1, (2 * j + 1) / n - 1, cx, cy);
      const level = 0.5 + 0.5 * sin(TWO_PI * (phase() - waves * d));
      const x = (i - j) * w, y = (i + j + 1 - n) * h + height * 0.16, up = level * width * 0.19, foot = y + height * 0.1;
      const tint = (hue + 150 * level) % 360;
      fill(tint, 80, 22 + 20 * level);
      quad(x - w, y - up, x, y + h - up, x, foot + h, x - w, foot);
      fill(tint, 75, 42 + 25 * level);
      quad(x + w, y - up, x, y + h - up, x, foot + h, x + w, foot);
      fill(tint, 60 - 40 * level, 62 + 38 * level);
      quad(x, y - h - up, x + w, y - up, x, y + h - up, x - w, y - up);
    }
  }
}
