/** @file The network. */
import { nn, type Tensor } from '../../src/index.ts'
import { CLASSES } from './data.ts'

const F = nn.functional

/** [n, 1, 8, 8] gray values → [n, 10] logits. */
export class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 16, 3, { padding: 1 })
  readonly conv2 = new nn.Conv2d(16, 32, 3, { padding: 1 })
  readonly pool = new nn.MaxPool2d(2)
  readonly dropout = new nn.Dropout(0.2)
  readonly output = new nn.Linear(32 * 2 * 2, CLASSES)

  forward(x: Tensor): Tensor {
    let y = this.pool.forward(F.relu(this.conv1.forward(x))) // [n, 16, 4, 4]
    y = this.pool.forward(F.relu(this.conv2.forward(y))) // [n, 32, 2, 2]
    return this.output.forward(this.dropout.forward(y.flatten(1)))
  }
}
