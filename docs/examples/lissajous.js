// threads of light that draw a Lissajous figure and come back to where they began
// The first line is the caption. `params` is set by `vj dataset p5`; in an ordinary p5 page it is not there.
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames; // 0 at the first frame, 1 would be the first again

let across, up, hue;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed); // every seed is another figure
  across = floor(random(2, 5));
  up = across + 1;
  hue = random(360);
}

function draw() {
  background(hue % 360, 60, 6);
  blendMode(ADD);
  noFill();
  const turn = TWO_PI * phase(); // whole turns only: the last frame leads into the first
  for (let k = 0; k < 5; k++) {
    stroke((hue + 18 * k) % 360, 75, 100, 0.75);
    strokeWeight(width * (0.012 + 0.006 * sin(turn + k)));
    beginShape();
    for (let i = 0; i <= 240; i++) {
      const a = (TWO_PI * i) / 240;
      const reach = width * (0.24 + 0.035 * k);
      vertex(width / 2 + reach * sin(across * a + turn + 0.22 * k), height / 2 + reach * sin(up * a));
    }
    endShape();
  }
  blendMode(BLEND);
}
