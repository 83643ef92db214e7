// Parts of long segments: of sorted keys, beside which lists of `features` elements stand, segments are runs of equal keys. The parts of a level are blocks of so many
// neighbouring lists, each joined into one list where it lies in one segment; those of the next level are blocks of these. segment_join.wgsl reads them.
//
// The prelude gives: alias T, the type of the elements; const WORKGROUP; const WIDTH, elements of a block; fn parts(), the sizes; fn key(i), a sorted key; fn element(i, f), of the list
// or of the part of the level below; fn join(a, b); fn store(i, value).

struct Parts { points: u32, features: u32, span: u32, base: u32, below: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = parts();
  let first = (group.x + group.y * 65535u) * p.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < p.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= p.points) { break; }
    let block = point / p.features;
    let f = point - block * p.features;
    // Blocks of several segments are joined by nobody
    if (key(block * p.span) != key(block * p.span + p.span - 1u)) { continue; }
    var joined = element(block * WIDTH, f);
    for (var k = 1u; k < WIDTH; k++) { joined = join(joined, element(block * WIDTH + k, f)); }
    store((p.base + block) * p.features + f, joined);
  }
}
