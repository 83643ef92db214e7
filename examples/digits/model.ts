/** @file The network. */
import { nn, type Tensor } from '../../src/index.ts'
import { CLASSES, PIXELS } from './data.ts'

const F = nn.functional

/** [n, 64] gray values → [n, 10] logits. */
export class Net extends nn.Module {
  readonly hidden = new nn.Linear(PIXELS, 128)
  readonly output = new nn.Linear(128, CLASSES)

  forward(x: Tensor): Tensor {
    return this.output.forward(F.relu(this.hidden.forward(x)))
  }
}
