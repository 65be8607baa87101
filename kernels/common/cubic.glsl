// Catmull-Rom (Mitchell and Netravali 1988, B = 0, C = 1/2) in nine bilinear reads: from 128 pixels to 1280, bilinear alone
// shows the grid. Beyond its edges the picture is mirrored.

vec3 mirrored(sampler2D picture, vec2 pixels, vec2 pixel) {
    vec2 at = pixel / pixels;
    return texture(picture, 1.0 - abs(1.0 - mod(at, 2.0))).rgb;
}

// at: in pixels of the picture.
vec3 cubic(sampler2D picture, vec2 pixels, vec2 at) {
    vec2 centre = floor(at - 0.5) + 0.5;
    vec2 f = at - centre;
    vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    vec2 w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    vec2 w3 = f * f * (-0.5 + 0.5 * f);
    vec2 w12 = w1 + w2;
    vec2 near = centre - 1.0, middle = centre + w2 / w12, far = centre + 2.0;
    vec3 above = w0.x * mirrored(picture, pixels, near) + w12.x * mirrored(picture, pixels, vec2(middle.x, near.y))
               + w3.x * mirrored(picture, pixels, vec2(far.x, near.y));
    vec3 here = w0.x * mirrored(picture, pixels, vec2(near.x, middle.y)) + w12.x * mirrored(picture, pixels, middle)
              + w3.x * mirrored(picture, pixels, vec2(far.x, middle.y));
    vec3 below = w0.x * mirrored(picture, pixels, vec2(near.x, far.y)) + w12.x * mirrored(picture, pixels, vec2(middle.x, far.y))
               + w3.x * mirrored(picture, pixels, far);
    return clamp(w0.y * above + w12.y * here + w3.y * below, 0.0, 1.0);
}
