second-tool
