/** The version of gait that writes an artifact. Equal to package.json's; a test compares them. */
export const VERSION = '0.1.0';
