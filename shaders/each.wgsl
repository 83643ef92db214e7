// Something for each of some points by itself.
//
// The prelude gives: const WORKGROUP; fn each(), the sizes; fn compute(i), what is done for point i of rows of `size` points.

struct Each { points: u32, size: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let e = each();
  let first = (group.x + group.y * 65535u) * e.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < e.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= e.points) { break; }
    compute(point);
  }
}
