// Geometry as distances to its lines: grids, dots, rings, rays, bars, polygons. Needs common/picture.glsl before it.
//
// Distances after Inigo Quilez: "2D distance functions" (iquilezles.org/articles/distfunctions2d), and for the borders of
// hexagons "Voronoi edges" (articles/voronoilines); lines averaged over a pixel by their integral: "Filterable procedurals"
// (articles/filterableprocedurals).

uniform float aspect;
uniform vec2 turn; // cos and sin of the pattern's angle
uniform float scale; // periods over the height of the picture
uniform float pixel; // width of a pixel in periods
uniform float width; // share of the pattern that is line
uniform int form;
uniform float travelled; // periods, 0..1
uniform float number; // rays, or corners of polygons

// The nearest line. A pattern has one to three families of lines, each with its own distance.
struct Lines {
    vec3 away; // distance to the middle of the nearest line of each family, in periods
    float apart; // half of the distance between two lines
    vec2 normal; // unit, away from the nearest line
};

const float PI = 3.14159265;
const float NONE = 9.0; // further than any line
const float THICKEST = 1.6; // scanlines: how much thicker than the width in the lightest places; in the darkest 0.4
const vec2 SLANT = vec2(0.8660254, 0.5); // 30 degrees

// Distance to the nearest whole number, and the direction away from it.
vec2 nearest(float x) {
    float off = x - floor(x + 0.5);
    return vec2(abs(off), off < 0.0 ? -1.0 : 1.0);
}

Lines lines_at(vec2 uv) {
    vec2 upright = centred(uv, aspect) * scale; // in periods, origin in the middle
    vec2 p = vec2(turn.x * upright.x + turn.y * upright.y, turn.x * upright.y - turn.y * upright.x);
    vec2 moved = p - vec2(travelled, 0.0);
    if (form == 1) { // squares
        vec2 x = nearest(moved.x - 0.5), y = nearest(moved.y - 0.5);
        return Lines(vec3(x.x, y.x, NONE), 0.5, x.x < y.x ? vec2(x.y, 0.0) : vec2(0.0, y.y));
    }
    if (form == 2) { // hexagons: the nearer of two interleaved lattices of middles
        const vec2 lattice = vec2(1.0, 1.7320508);
        vec2 a = moved - lattice * floor(moved / lattice + 0.5);
        vec2 b = moved - lattice * (floor(moved / lattice) + 0.5);
        vec2 g = dot(a, a) < dot(b, b) ? a : b;
        vec2 sides = vec2(g.x < 0.0 ? -1.0 : 1.0, g.y < 0.0 ? -1.0 : 1.0);
        vec2 slanted = vec2(0.5, 0.8660254);
        float level = abs(g.x), lean = dot(abs(g), slanted);
        vec2 normal = level > lean ? vec2(-sides.x, 0.0) : -slanted * sides;
        return Lines(vec3(0.5 - max(level, lean), NONE, NONE), 0.5, normal);
    }
    if (form == 3) { // triangles: three families that meet in the corners
        vec2 a = nearest(p.y);
        vec2 b = nearest(dot(p, SLANT) - travelled), c = nearest(dot(p, SLANT * vec2(1.0, -1.0)) - travelled);
        vec2 normal = a.x < min(b.x, c.x) ? vec2(0.0, a.y) : b.x < c.x ? b.y * SLANT : c.y * SLANT * vec2(1.0, -1.0);
        return Lines(vec3(a.x, b.x, c.x), 0.5, normal);
    }
    if (form == 4) { // dots: away from the middle of each
        vec2 g = moved - floor(moved) - 0.5;
        float radius = length(g);
        return Lines(vec3(radius, NONE, NONE), 0.7071068, g / max(radius, 1e-6));
    }
    if (form == 5) { // rings
        float radius = length(p);
        vec2 x = nearest(radius - travelled - 0.5);
        return Lines(vec3(x.x, NONE, NONE), 0.5, x.y * p / max(radius, 1e-6));
    }
    if (form == 6) { // rays: distances along the arc
        float radius = length(p);
        float arc = 2.0 * PI * radius / number;
        vec2 x = nearest(atan(p.y, p.x + 1e-9) / (2.0 * PI) * number - travelled);
        return Lines(vec3(x.x * arc, NONE, NONE), 0.5 * arc, x.y * vec2(-p.y, p.x) / max(radius, 1e-6));
    }
    if (form == 7) { // bars
        vec2 x = nearest(moved.x);
        return Lines(vec3(x.x, NONE, NONE), 0.5, vec2(x.y, 0.0));
    }
    if (form == 8) { // scanlines: always level
        vec2 y = nearest(upright.y + travelled);
        return Lines(vec3(y.x, NONE, NONE), 0.5, vec2(0.0, y.y));
    }
    float sector = 2.0 * PI / number; // polygons, one in the other, a corner up
    float facing = sector * floor((atan(p.y, p.x + 1e-9) - 0.5 * PI) / sector) + 0.5 * PI + 0.5 * sector;
    vec2 side = vec2(cos(facing), sin(facing));
    vec2 x = nearest(dot(p, side) - travelled - 0.5);
    return Lines(vec3(x.x, NONE, NONE), 0.5, x.y * side);
}

// Half of a line's width, in periods.
float reach_of(Lines lines, float lightness) {
    return lines.apart * (form == 8 ? min(width * mix(0.4, THICKEST, lightness), 1.0) : width);
}

float nearest_of(Lines lines) {
    return min(lines.away.x, min(lines.away.y, lines.away.z));
}

// Share of the pixel that lines cover. Exact while it sees two lines of a family at most; beyond, the mean of the pattern.
// What is exact for a straight edge gives a small dot too much: that is taken off as a whole.
float covered(Lines lines, float reach) {
    vec3 away = lines.away;
    float apart = lines.apart;
    vec3 here = clamp((reach - away) / pixel + 0.5, 0.0, 1.0) + clamp((reach + away) / pixel + 0.5, 0.0, 1.0) - 1.0;
    bool dots = form == 4;
    vec3 there = step(away, vec3(0.5 * NONE));
    vec3 next = there * clamp((reach + away - 2.0 * apart) / pixel + 0.5, 0.0, 1.0);
    vec3 mean = there * (dots ? min(PI * reach * reach, 1.0) : reach / max(apart, 1e-6));
    float even = clamp(pixel / max(apart, 1e-6) - 1.0, 0.0, 1.0);
    float r = reach / pixel;
    float whole = !dots ? 1.0 : r > 0.5 ? r * r / (r * r + 1.0 / 12.0) : r / (0.5 + 2.0 / 3.0 * r * r);
    vec3 free = 1.0 - mix(whole * min(here + next, 1.0), mean, even); // of each family; what none of them covers is free
    return 1.0 - free.x * free.y * free.z;
}
