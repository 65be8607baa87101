// tiles of arcs that turn in a wave and join to new paths
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let n, hue, start = [], direction;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  noFill();
  randomSeed(P.seed);
  n = floor(random(4, 7));
  hue = random(360);
  direction = random(TWO_PI);
  for (let k = 0; k < n * n; k++) start.push(floor(random(2)));
}

function draw() {
  background(hue, 65, 7);
  const cell = width / n;
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const delay = 0.5 * (0.5 + 0.35 * ((i / n - 0.5) * cos(direction) + (j / n - 0.5) * sin(direction)) * 2);
      // Two quarter turns a loop: a tile of arcs is the same after half a turn.
      const go = (s) => { const x = constrain((phase() - s) / 0.28, 0, 1); return x * x * (3 - 2 * x); };
      const turns = start[j * n + i] + go(delay * 0.8) + go(delay * 0.8 + 0.38);
      push();
      translate((i + 0.5) * cell, (j + 0.5) * cell);
      rotate(HALF_PI * turns);
      for (const [wide, light, alpha] of [[0.3, 45, 1], [0.16, 100, 1]]) {
        strokeWeight(cell * wide);
        strokeCap(SQUARE);
        stroke((hue + 60 + (120 * (i + j)) / (2 * n)) % 360, wide > 0.2 ? 85 : 40, light, alpha);
        arc(-cell / 2, -cell / 2, cell, cell, 0, HALF_PI);
        arc(cell / 2, cell / 2, cell, cell, PI, PI + HALF_PI);
      }
      pop();
    }
  }
}
