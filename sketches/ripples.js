// rings that spread from a few drops and cross
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let drops = [], rings, hue;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed);
  hue = random(360);
  rings = floor(random(3, 6));
  for (let i = 0; i < 3; i++) drops.push({ x: random(0.15, 0.85), y: random(0.15, 0.85), from: random(), hue: hue + i * random(25, 60) });
}

function draw() {
  background(hue % 360, 70, 7);
  blendMode(ADD);
  noFill();
  for (const d of drops) {
    for (let k = 0; k < rings; k++) {
      const age = (k / rings + phase() + d.from) % 1; // a ring takes the whole loop and is born where another dies
      const fade = sin(PI * age);
      for (const [wide, light] of [[0.05, 0.12], [0.022, 0.3], [0.008, 0.8]]) {
        strokeWeight(width * wide * (0.4 + age));
        stroke((d.hue + 50 * age) % 360, 70, 100, light * fade);
        circle(d.x * width, d.y * height, age * width * 1.25);
      }
    }
  }
  blendMode(BLEND);
}
