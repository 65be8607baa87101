// dots on circular orbits, each with a fading trail
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let orbits = [];

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed);
  const hue = random(360), count = floor(random(5, 9));
  for (let i = 0; i < count; i++) {
    orbits.push({
      radius: map(i, 0, count - 1, 0.09, 0.44),
      turns: random([-2, -1, 1, 2]), // whole turns a loop: the end meets the beginning
      dots: floor(random(1, 4)),
      from: random(TWO_PI),
      hue: (hue + i * random(12, 28)) % 360,
      size: random(0.03, 0.06),
    });
  }
}

function draw() {
  background(240, 60, 6);
  translate(width / 2, height / 2);
  for (const o of orbits) {
    noFill();
    stroke(o.hue, 60, 40, 0.35);
    strokeWeight(width * 0.004);
    circle(0, 0, 2 * o.radius * width);
    noStroke();
    for (let d = 0; d < o.dots; d++) {
      for (let k = 28; k >= 0; k--) {
        const a = o.from + TWO_PI * (d / o.dots + o.turns * phase()) - Math.sign(o.turns) * k * 0.035;
        fill(o.hue, 75 - k, 100, k ? 0.35 * (1 - k / 28) : 1);
        circle(o.radius * width * cos(a), o.radius * width * sin(a), o.size * width * (1 - k / 40));
      }
    }
  }
}
