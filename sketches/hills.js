// hills of light that roll one behind another
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let layers = [], hue;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed);
  hue = random(360);
  const count = floor(random(5, 8)), span = random(40, 140);
  for (let i = 0; i < count; i++) {
    layers.push({
      y: map(i, 0, count - 1, 0.16, 0.95),
      waves: [1, 2, 3].map((n) => ({ n: n * random([0.5, 1]), speed: random([-2, -1, 1, 2]), from: random(TWO_PI), high: random(0.06, 0.15) / n })),
      hue: (hue + (span * i) / count) % 360,
      light: map(i, 0, count - 1, 95, 25),
    });
  }
}

function draw() {
  background((hue + 200) % 360, 60, 8);
  for (const l of layers) {
    fill(l.hue, 78, l.light * 0.8);
    stroke(l.hue, 45, min(100, l.light + 25));
    strokeWeight(width * 0.012);
    beginShape();
    vertex(-20, height + 20);
    for (let x = -20; x <= width + 20; x += 4) {
      let y = l.y;
      for (const w of l.waves) y += w.high * sin((TWO_PI * w.n * x) / width + w.from + TWO_PI * w.speed * phase());
      vertex(x, y * height);
    }
    vertex(width + 20, height + 20);
    endShape(CLOSE);
  }
}
