// comets that draw a knot
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let a, b, shift, hue, comets;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  noStroke();
  randomSeed(P.seed);
  [a, b] = random([[1, 2], [2, 3], [3, 2], [1, 3], [3, 4]]);
  shift = random(0.2, 1.3);
  hue = random(360);
  comets = random([1, 2, 3]);
}

function draw() {
  background(hue, 70, 6);
  const tail = 110;
  for (let s = 0; s < 240; s++) mark(s / 240, 0.008, 60, 30, 0.5);
  for (let c = 0; c < comets; c++) {
    for (let k = tail; k >= 0; k--) {
      const age = k / tail;
      mark(phase() + c / comets - 0.2 * age, 0.075 * (1 - 0.75 * age), 80 * age, 100, (1 - age) ** 1.5, c);
    }
  }
}

function mark(t, size, saturation, light, alpha, c = 0) {
  fill((hue + 40 + 70 * c) % 360, saturation, light, alpha);
  circle(width * (0.5 + 0.38 * sin(TWO_PI * a * t + shift)), height * (0.5 + 0.38 * sin(TWO_PI * b * t)), width * size);
}
