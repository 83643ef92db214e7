// Joins what rows are sent, each range of rows by itself: an invocation goes through all targets, in order, and joins what is sent to a row of its range. `lanes` neighbouring
// invocations have a range together, each its own features. Long sums of floats are in blocks of WIDTH: what has been summed of a row is put into a block of
// the next level, and it begins anew; of the levels and what is left, the sum is made at the end.
//
// The prelude gives: alias T, the type of the elements; const WORKGROUP; const WIDTH; fn ranges(), the sizes; fn row_of(t), the target of a sender; fn element(i), of what is sent; fn
// joined(i) and store(i, value); fn identity(); fn join(a, b); where senders are counted, fn sent(i) and set_sent(i, n), for each row and lane; where blocks are summed, fn block(i) and
// set_block(i, value), and where blocks of blocks are, fn large(i) and set_large(i, value); where counts are wanted, fn store_count(row, n). Branches on SUMS, LARGE, COUNTED and
// COUNTS are decided before the text is compiled.

struct Ranges { points: u32, rows: u32, targets: u32, features: u32, span: u32, lanes: u32, sweep: u32 }

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let r = ranges();
  let point = (group.x + group.y * 65535u) * WORKGROUP + lane;
  if (point >= r.points) { return; }
  let range = point / r.lanes;
  let first = point - range * r.lanes;
  let low = min(range * r.span, r.rows);
  let length = min(r.span, r.rows - low);
  for (var i = low * r.features + first; i < (low + length) * r.features; i += r.lanes) { store(i, identity()); }
  if (COUNTED) {
    for (var row = low; row < low + length; row++) { set_sent(row * r.lanes + first, 0u); }
  }
  for (var t = 0u; t < r.targets; t++) {
    let row = row_of(t);
    if (row - low >= length) { continue; }
    for (var f = first; f < r.features; f += r.lanes) {
      let i = row * r.features + f;
      store(i, join(joined(i), element(t * r.features + f)));
    }
    if (COUNTED) {
      let n = sent(row * r.lanes + first) + 1u;
      set_sent(row * r.lanes + first, n);
      if (SUMS) {
        if (n % WIDTH == 0u) {
          for (var f = first; f < r.features; f += r.lanes) {
            let i = row * r.features + f;
            var sum = joined(i);
            if (n % (WIDTH * WIDTH) != WIDTH) { sum = join(block(i), sum); }
            set_block(i, sum);
            if (LARGE) {
              if (n % (WIDTH * WIDTH) == 0u) {
                if (n != WIDTH * WIDTH) { sum = join(large(i), sum); }
                set_large(i, sum);
              }
            }
            store(i, identity());
          }
        }
      }
    }
  }
  if (SUMS) {
    for (var row = low; row < low + length; row++) {
      let n = sent(row * r.lanes + first);
      if (n < WIDTH) { continue; }
      for (var f = first; f < r.features; f += r.lanes) {
        let i = row * r.features + f;
        var sum = joined(i);
        if (n % (WIDTH * WIDTH) >= WIDTH) { sum = join(block(i), sum); }
        if (LARGE) {
          if (n >= WIDTH * WIDTH) { sum = join(large(i), sum); }
        }
        store(i, sum);
      }
    }
  }
  if (COUNTS) {
    if (first == 0u) {
      for (var row = low; row < low + length; row++) { store_count(row, sent(row * r.lanes)); }
    }
  }
}
