/** The whole size of what is long by its nature; `npm test` does a part of it, which every run can pay for. */
export const THOROUGH: boolean = process.env['GAIT_THOROUGH'] === '1';

/** How much to do: all of it in `npm run test:thorough`, as CI does, and this much in `npm test`. */
export function sized(all: number, few: number): number {
  return THOROUGH ? all : few;
}
