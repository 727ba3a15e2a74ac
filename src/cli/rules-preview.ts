export const preview = async (_args: ReadonlyArray<string>, _help: string): Promise<number> => 2;
