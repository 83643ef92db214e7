// Short rows in order: each key counts those of its row that come before it, which is where it goes. Equal ones keep their order.
//
// The prelude gives: const WORKGROUP; fn rows(), the sizes; fn key(i); fn place(to, i), which writes key i and its position in its row.

struct Rows { points: u32, size: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = rows();
  let first = (group.x + group.y * 65535u) * r.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < r.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= r.points) { break; }
    let own = key(point);
    let start = point - point % r.size;
    var before = 0u;
    for (var i = start; i < start + r.size; i++) {
      let other = key(i);
      before += select(0u, 1u, other < own || (other == own && i < point));
    }
    place(start + before, point);
  }
}
