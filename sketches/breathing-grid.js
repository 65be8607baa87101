// a grid of discs that breathe as noise drifts under them
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let n, hue, reach, zoom;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  noStroke();
  randomSeed(P.seed);
  noiseSeed(P.seed);
  noiseDetail(2, 0.4);
  n = floor(random(7, 12));
  hue = random(360);
  reach = random(0.5, 0.9);
  zoom = random(0.14, 0.28);
}

function draw() {
  background(hue, 65, 6);
  const cell = width / n, dx = reach * cos(TWO_PI * phase()), dy = reach * sin(TWO_PI * phase()); // noise is walked in a circle
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const level = constrain(map(noise(i * zoom + dx + 9, j * zoom + dy + 9), 0.2, 0.62, 0, 1), 0, 1);
      fill((hue + 40 + 120 * level) % 360, 80 - 45 * level, 25 + 75 * level);
      circle((i + 0.5) * cell, (j + 0.5) * cell, cell * (0.12 + 0.95 * level));
    }
  }
}
