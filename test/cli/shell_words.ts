/** The words of a command line as a shell sees them: spaces divide, single and double quotes hold together. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    words.push(match[0].replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return words;
}
