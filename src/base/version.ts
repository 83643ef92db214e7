/** @file The version of the package, which a build need not look for. */
export const VERSION = '0.1.0'
