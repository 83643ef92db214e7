// Where values [rows, per_row] stand in rows of `size` elements that are in order: how many elements stand before each. NaN stands behind all.
//
// The prelude gives: alias T, the type of the elements; const WORKGROUP; fn search(), the sizes; fn value(i); fn is_last(b), whether a value stands behind all
// elements; fn find(b, row), how many elements of a row stand before another; fn store(i, count).

struct Search { points: u32, size: u32, per_row: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let s = search();
  let first = (group.x + group.y * 65535u) * s.sweep * WORKGROUP + lane;
  for (var turn = 0u; turn < s.sweep; turn++) {
    let point = first + turn * WORKGROUP;
    if (point >= s.points) { break; }
    let b = value(point);
    if (is_last(b)) {
      store(point, s.size);
    } else {
      store(point, find(b, point / s.per_row));
    }
  }
}
