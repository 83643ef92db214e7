// Joins the elements of each segment (segment_parts.wgsl), from its begin to its end, those of whole blocks by the parts that have been joined. A segment of none is
// the identity.
//
// The prelude gives: alias T, the type of the elements; const WORKGROUP; const WIDTH, elements of a block; fn segments(), the sizes; fn begin(s), where a segment begins; fn
// element(i, f); fn part(i, f), the i-th of all parts; fn identity(); fn join(a, b); fn store(i, value). Branches on PARTS, whether there are any, are decided before
// compilation (src/device/webgpu/unroll.ts).

struct Segments { points: u32, features: u32, length: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = segments();
  let first = (group.x + group.y * 65535u) * s.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < s.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= s.points) { break; }
    let segment = point / s.features;
    let f = point - segment * s.features;
    var at = begin(segment);
    let end = begin(segment + 1u);
    var joined = identity();
    while (at < end) {
      if (PARTS) {
        // The longest block that begins here and lies in the segment
        var span = 1u;
        var base = 0u;
        var blocks = 0u;
        var next = s.length / WIDTH;
        while (at % (span * WIDTH) == 0u && at + span * WIDTH <= end) {
          base += blocks;
          blocks = next;
          next /= WIDTH;
          span *= WIDTH;
        }
        if (span == 1u) {
          joined = join(joined, element(at, f));
        } else {
          joined = join(joined, part(base + at / span, f));
        }
        at += span;
      } else {
        joined = join(joined, element(at, f));
        at++;
      }
    }
    store(point, joined);
  }
}
