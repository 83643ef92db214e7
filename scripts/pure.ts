/**
 * @file Tells the bundlers of users what a file of several modules no longer says: that nothing of it happens by being loaded, so that what a program does
 * not use can be left out. All that a module of src/ does at load is to give its names their values; only `src/fluent.ts`, which installs the
 * methods, does more, in statements of their own.
 */
import { type Plugin, RolldownMagicString } from 'rolldown'
import { parseSync, Visitor } from 'rolldown/utils'

/** Marks the calls that run while a module's names are given their values. */
export const pureInitializers: Plugin = {
  name: 'pure-initializers',
  transform(code, id) {
    const text = new RolldownMagicString(code)
    let within = 0
    const enter = (): void => {
      within++
    }
    const leave = (): void => {
      within--
    }
    const mark = ({ start }: { readonly start: number }): void => {
      if (within === 0) text.appendLeft(start, '/*@__PURE__*/ ')
    }
    new Visitor({
      FunctionDeclaration: enter,
      'FunctionDeclaration:exit': leave,
      FunctionExpression: enter,
      'FunctionExpression:exit': leave,
      ArrowFunctionExpression: enter,
      'ArrowFunctionExpression:exit': leave,
      ClassBody: enter,
      'ClassBody:exit': leave,
      ExpressionStatement: enter,
      'ExpressionStatement:exit': leave,
      CallExpression: mark,
      NewExpression: mark,
    }).visit(parseSync(id, code).program)
    return { code: text }
  },
}
