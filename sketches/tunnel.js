// frames that fly towards the eye and turn
const P = window.params ?? { seed: 1, frames: 180, size: 512 };
const phase = () => ((frameCount - 1) % P.frames) / P.frames;

let sides, hue, twist, ratio, skip;

function setup() {
  createCanvas(P.size, P.size);
  colorMode(HSB, 360, 100, 100, 1);
  randomSeed(P.seed);
  sides = random([3, 4, 5, 6]);
  hue = random(360);
  twist = random(-0.35, 0.35);
  ratio = random(1.3, 1.5);
  skip = random([2, 4]); // frames pass in a loop; colours repeat with it
}

function draw() {
  background(hue, 60, 5);
  translate(width / 2, height / 2);
  rotate((TWO_PI / sides) * phase() * (twist > 0 ? 1 : -1));
  noFill();
  for (let k = -4; k < 14; k++) {
    const depth = k - skip * phase(), r = (width * 0.9) / ratio ** depth;
    const index = ((k % skip) + skip) % skip;
    stroke((hue + 60 + (110 * index) / skip) % 360, index % 2 ? 35 : 85, constrain(105 - 7.5 * depth, 8, 100));
    strokeWeight(r * 0.09);
    push();
    rotate(twist * depth);
    beginShape();
    for (let s = 0; s < sides; s++) vertex(r * cos((TWO_PI * s) / sides), r * sin((TWO_PI * s) / sides));
    endShape(CLOSE);
    pop();
  }
}
