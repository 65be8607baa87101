// a flower whose petals open, close and turn
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let petals, hue, rings, depth;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  noStroke();
  randomSeed(P.seed);
  petals = floor(random(4, 9));
  hue = random(360);
  rings = floor(random(5, 8));
  depth = random(0.25, 0.5);
}

function draw() {
  background((hue + 180) % 360, 55, 8);
  translate(width / 2, height / 2);
  const t = phase();
  for (let k = 0; k < rings; k++) {
    const place = k / rings, open = depth * (0.5 + 0.5 * sin(TWO_PI * (t - place)));
    rotate((TWO_PI / petals) * (k === 0 ? t : 0.5 * sin(TWO_PI * t) * place));
    fill((hue + 100 * place) % 360, 85 - 50 * place, 30 + 70 * place);
    beginShape();
    for (let a = 0; a < TWO_PI; a += TWO_PI / 180) {
      const r = width * 0.46 * (1 - 0.85 * place) * (1 - open + open * cos(petals * a));
      vertex(r * cos(a), r * sin(a));
    }
    endShape(CLOSE);
  }
}
